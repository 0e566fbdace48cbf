"""The entity sets of the pretend Ploomes as one table: properties, navigation, defaults (ploomes-api.md 3).

Properties: `Name:kind` with kind int (64 bit), i32, str, num, bool, date; `!` read-only, `*` required, `=x` default.
Navigation: `Nav>Set:Fk` to one, `Nav<Set:Fk` the rows that point back, `Nav[Set` rows kept inside the record.
"""

import re
from dataclasses import dataclass, field
from typing import Any

ALL = frozenset({"GET", "POST", "PATCH", "DELETE"})
READ = frozenset({"GET"})
NO_DELETE = frozenset({"GET", "POST", "PATCH"})
INNER: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Prop:
    """One property of a type."""

    name: str
    kind: str
    read_only: bool = False
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Nav:
    """One navigation property: how `>` one, `<` many by foreign key, `[` rows inside."""

    name: str
    how: str
    target: str
    key: str = ""


@dataclass(frozen=True)
class EntitySet:
    """One set: `entity_id` and `prefix` exist where custom fields or webhooks do."""

    name: str
    props: dict[str, Prop]
    navs: dict[str, Nav]
    verbs: frozenset[str]
    entity_id: int | None = None
    prefix: str = ""
    key: str = "Id"
    singleton: bool = False
    children: dict[str, Nav] = field(default_factory=dict)


_PROP = re.compile(r"(\w+):(\w+)([!*]?)(?:=(\S+))?")
_NAV = re.compile(r"(\w+)([><\[])([\w@]+)(?::(\w+))?")
_CONSTANTS: dict[str, Any] = {"true": True, "false": False}


def _prop(word: str) -> Prop:
    found = _PROP.fullmatch(word)
    if found is None:
        raise ValueError(word)
    name, kind, mark, default = found.groups()
    value = _CONSTANTS.get(default, int(default) if default and default.isdigit() else default)
    return Prop(name, kind, mark == "!", mark == "*", value)


def _nav(word: str) -> Nav:
    found = _NAV.fullmatch(word)
    if found is None:
        raise ValueError(word)
    return Nav(found[1], found[2], found[3], found[4] or "")


def _set(name: str, props: str, navs: str = "", verbs: frozenset[str] = ALL, **more: Any) -> EntitySet:
    ways = {nav.name: nav for nav in map(_nav, navs.split())}
    inside = {nav.name: nav for nav in ways.values() if nav.how == "["}
    return EntitySet(name, {p.name: p for p in map(_prop, props.split())}, ways, verbs, children=inside, **more)


_NAMED = "Id:int! Name:str*"
_AUDIT = "Editable:bool!=true Deletable:bool!=true CreatorId:int! UpdaterId:int! CreateDate:date! LastUpdateDate:date!"
_PEOPLE = "Creator>Users:CreatorId Updater>Users:UpdaterId"
_VALUES = """StringValue:str BigStringValue:str IntegerValue:i32 DecimalValue:num DateTimeValue:date BoolValue:bool
    ObjectValueId:int! ObjectValueName:str! UserValueId:int! UserValueName:str! UserValueAvatarUrl:str!
    ProductValueId:int! ProductValueName:str! AttachmentValueId:int! AttachmentValueName:str!
    AttachmentItemValueId:int! AttachmentItemValueName:str! ContactValueId:int! ContactValueName:str!
    ContactValueTypeId:int! ContactValueRegister:str! CurrencyValueId:int!"""
_OWNERS = """ContactId:int! DealId:int! OrderId:int! OrderProductId:int! ProductId:int! GroupId:int! FamilyId:int!
    InteractionRecordId:int!"""
_USER = """Id:int! Name:str* Email:str* Phone:str AvatarUrl:str RoleId:int ProfileId:int* Integration:bool=false
    NativeIntegration:bool!=false Suspended:bool=false AccountOwner:bool!=false UserKey:str! Password:str
    Language:str!=pt-BR LanguageId:int!=1 LastSeen:date! Birthday:date CreatorId:int! UpdaterId:int! CreateDate:date!
    UpdateDate:date! LastUpdateDate:date! Editable:bool!=true NoLogin:bool"""

_TABLE = (
    _set(
        "Contacts",
        f"""Id:int! TypeId:int=1 Name:str* LegalName:str Register:str CNPJ:str CPF:str IdentityDocument:str Key:str
        CompanyId:int LastCompanyId:int! StatusId:int RelationshipId:int LineOfBusinessId:int OriginId:int
        NumberOfEmployeesId:int ClassId:int=0 OwnerId:int RoleId:int DepartmentId:int LeadId:int Email:str Website:str
        Skype:str Facebook:str EmailMarketing:bool HasConsent:bool StreetAddress:str StreetAddressNumber:str
        StreetAddressLine2:str Neighborhood:str ZipCode:i32 ForeignZipCode:str CityId:int StateId:int CountryId:int
        Latitude:num Longitude:num Note:str Birthday:date NextAnniversary:date! PreviousAnniversary:date!
        CNAECode:str CNAEName:str CNAESecondary:str CurrencyId:int AvatarUrl:str FirstTaskId:int! FirstTaskDate:date!
        HasScheduledTasks:bool!=false TasksOrdination:i32! LastInteractionRecordId:int! LastDealId:int!
        LastOrderId:int! LastDocumentId:int! ImportId:int! CreateImportationId:int! UpdateImportationId:int!
        ImportationIdCreate:int! ImportationIdUpdate:int! PublicFormIdCreate:int! PublicFormIdUpdate:int! {_AUDIT}""",
        f"""Type>Contacts@Types:TypeId Status>Contacts@Status:StatusId Class>Contacts@Classes:ClassId
        Relationship>Contacts@Relationships:RelationshipId LineOfBusiness>Contacts@LinesOfBusiness:LineOfBusinessId
        Origin>Contacts@Origins:OriginId NumberOfEmployees>Contacts@NumbersOfEmployees:NumberOfEmployeesId
        Owner>Users:OwnerId {_PEOPLE} Role>Roles:RoleId Department>Departments:DepartmentId
        Company>Contacts:CompanyId Contacts<Contacts:CompanyId City>Cities:CityId
        State>Cities@Countries@States:StateId Country>Cities@Countries:CountryId Currency>Currencies:CurrencyId
        Phones[Contacts@Phones Tags[Contacts@Tags CollaboratingUsers[Contacts@CollaboratingUsers
        OtherProperties[OtherProperties Attachments[Attachments""",
        entity_id=1, prefix="contact",
    ),
    _set(
        "Contacts@Phones",
        "Id:int! ContactId:int! PhoneNumber:str* SearchPhoneNumber:int! TypeId:int CountryId:int=76",
        "Type>PhoneTypes:TypeId Country>Cities@Countries:CountryId", INNER,
    ),
    _set(
        "Contacts@Tags",
        """Id:int! TagId:int* ContactId:int! DealId:int! LeadId:int! TaskId:int! NoteId:int! InteractionRecordId:int!
        EmailId:int!""",
        "Tag>Tags:TagId", INNER,
    ),
    _set("Contacts@CollaboratingUsers", "Id:int! ContactId:int! UserId:int*", "User>Users:UserId", INNER),
    _set("OtherProperties", f"Id:int! FieldId:int FieldKey:str {_OWNERS} {_VALUES}", "", INNER),
    _set("Attachments", "Id:int! FileName:str ContentType:str ContentLength:int Url:str", "", INNER),
    _set("Contacts@Types", _NAMED, "", READ),
    _set("Contacts@Status", f"{_NAMED} Label:str Icon:str Color:str Discarded:bool=false"),
    *(
        _set(f"Contacts@{name}", _NAMED)
        for name in ("Origins", "LinesOfBusiness", "NumbersOfEmployees", "Relationships")
    ),
    _set("Contacts@Classes", _NAMED, "", READ),
    _set("Departments", _NAMED),
    _set("Roles", _NAMED),
    _set("Tags", "Id:int! Name:str* Color:str=#7A869A EntityId:int*", "Entity>Fields@Entities:EntityId"),
    _set(
        "Products",
        f"""Id:int! GroupId:int FamilyId:int Name:str* Code:str MeasurementUnit:str ImageUrl:str CurrencyId:int
        UnitPrice:num Suspended:bool=false CreateImportId:int! UpdateImportId:int! ImportationIdCreate:int!
        ImportationIdUpdate:int! {_AUDIT}""",
        f"""Group>Products@Groups:GroupId Family>Products@Families:FamilyId Currency>Currencies:CurrencyId {_PEOPLE}
        Lists[Products@Products@Lists Parts[Products@Parts OtherProperties[OtherProperties Attachments[Attachments""",
        entity_id=10, prefix="product",
    ),
    _set("Products@Products@Lists", "Id:int! ListId:int* ProductId:int!", "List>Products@Lists:ListId", INNER),
    _set(
        "Products@Parts",
        """Id:int! ProductId:int! ProductPartId:int* MinimumQuantity:num MaximumQuantity:num DefaultQuantity:num
        CurrencyId:int MinimumUnitPrice:num MaximumUnitPrice:num DefaultUnitPrice:num""",
        "ProductPart>Products:ProductPartId", INNER,
    ),
    _set("Products@Lists", f"{_NAMED} Editable:bool=true"),
    _set("Products@Families", f"{_NAMED} Editable:bool!=true Deletable:bool!=true", "OtherProperties[OtherProperties"),
    _set(
        "Products@Groups",
        f"""{_NAMED} FamilyId:int FixedPrice:bool Default:bool Editable:bool!=true Deletable:bool!=true
        LastUpdateDate:date!""",
        "Family>Products@Families:FamilyId OtherProperties[OtherProperties",
    ),
    _set(
        "Orders",
        f"""Id:int! OrderNumber:int Date:date ContactId:int* ContactName:str! PersonId:int PersonName:str! DealId:int
        StageId:int OwnerId:int OriginQuoteId:int TemplateId:int Amount:num Discount:num CurrencyId:int Commission:num
        CommissionAmount:num AgentId:int Description:str InternalComments:str FileName:str DocumentUrl:str! Key:str
        Shared:bool!=false Approver:bool!=false ApprovalStatusId:int! ApprovalLevelId:int!
        ExternallyAccepted:bool!=false {_AUDIT}""",
        f"""Contact>Contacts:ContactId Person>Contacts:PersonId Stage>Orders@Stages:StageId Owner>Users:OwnerId
        Currency>Currencies:CurrencyId {_PEOPLE} Products[Orders@Products Sections[Orders@Sections
        OtherProperties[OtherProperties Attachments[Attachments""",
        entity_id=4, prefix="order",
    ),
    _set(
        "Orders@Products",
        """Id:int! OrderId:int! SectionId:int ProductId:int* ProductName:str! ProductCode:str Quantity:num
        CurrencyId:int UnitPrice:num Discount:num Total:num Bonus:bool Ordination:i32 OwnerId:int! OrderDate:date!
        DealId:int! ContactId:int! ContactProductId:int Editable:bool!=true""",
        "Product>Products:ProductId Currency>Currencies:CurrencyId OtherProperties[OtherProperties", INNER,
        entity_id=20, prefix="order_product",
    ),
    _set("Orders@Sections", "Id:int! OrderId:int! Code:int Discount:num Total:num", "", INNER),
    _set("Orders@Stages", f"{_NAMED} Icon:str Ordination:i32"),
    _set("Users", _USER, "Role>Roles:RoleId Profile>Users@Profiles:ProfileId", NO_DELETE),
    _set("Users@Profiles", _NAMED, "", READ),
    _set("Self", f"{_USER} AccountId:int!", "Profile>Users@Profiles:ProfileId", frozenset({"GET", "PATCH"}),
         singleton=True),
    _set(
        "Account",
        """Id:int! Name:str Register:str CurrencyId:int PlanId:int! NextOrderNumber:int! OrdersModule:bool=true
        ProductsModule:bool=true""",
        "Currency>Currencies:CurrencyId", frozenset({"GET", "PATCH"}), singleton=True,
    ),
    _set("Account@Integrations", "Id:int! AccountId:int! IntegrationId:int* Active:bool=true CreateDate:date!",
         "Integration>Integrations:IntegrationId", READ),
    _set("Integrations", _NAMED, "Fields<Integrations@Fields:IntegrationId", READ),
    _set("Integrations@Fields", "Id:int! IntegrationId:int* Name:str*", "", INNER),
    _set(
        "Fields",
        """Id:int! Key:str! Name:str* Label:str EntityId:int* SecondaryEntityId:int TypeId:int* OptionsTableId:int
        Dynamic:bool! Multiple:bool=false Required:bool=false Unique:bool=false Disabled:bool=false Hidden:bool=false
        FormHidden:bool=false NotNullable:bool=false Permanent:bool=false Integration:bool=false
        IntegrationCustomFieldId:int Filterable:bool=true FormFilterable:bool=true Importable:bool=true Wide:bool=false
        ColumnSize:i32 PropertyName:str! UpdatePropertyName:str! ApiUrl:str DefaultStringValue:str
        DefaultBigStringValue:str DefaultIntegerValue:i32 DefaultDecimalValue:num DefaultDateTimeValue:date
        DefaultBoolValue:bool InternalFormula:str FieldHideFormula:str FieldDisableFormula:str ShowTime:bool
        IsSensitiveData:bool InlineEditable:bool=true ProductGroupId:int ProductFamilyId:int SendExternalKey:str
        ReceiveExternalKey:str""",
        "Type>Fields@Types:TypeId Entity>Fields@Entities:EntityId OptionsTable>Fields@OptionsTables:OptionsTableId",
        key="Key",
    ),
    _set("Fields@Types", f"{_NAMED} Icon:str NativeType:str! Listable:bool! Multipliable:bool! StandardFormat:str!",
         "", READ),
    _set("Fields@Entities", f"""{_NAMED} ApiUrl:str DefaultPropertyName:str DisplayPropertyName:str
         SingularUnitName:str PluralUnitName:str Importable:bool""", "", READ),
    _set("Fields@OptionsTables", _NAMED, "Options<Fields@OptionsTables@Options:TableId"),
    _set("Fields@OptionsTables@Options", "Id:int! TableId:int* Name:str* ExternalKey:str LastUpdateDate:date!",
         "Table>Fields@OptionsTables:TableId"),
    _set("PhoneTypes", _NAMED, "", READ),
    _set("Cities", f"""{_NAMED} StateId:int* CountryId:int IBGECode:int Latitude:num Longitude:num
         Editable:bool!=true LastUpdateDate:date!""",
         "State>Cities@Countries@States:StateId Country>Cities@Countries:CountryId"),
    _set("Cities@Countries", f"{_NAMED} Short1:str Short2:str PhoneMask:str", "", READ),
    _set("Cities@Countries@States", f"{_NAMED} Short:str CountryId:int*", "Country>Cities@Countries:CountryId", READ),
    _set("Currencies", f"{_NAMED} Symbol:str Code:str Editable:bool", "", READ),
    _set(
        "InteractionRecords",
        """Id:int! ContactId:int DealId:int Date:date Length:i32 TypeId:int Title:str Content:str Latitude:num
        Longitude:num OriginalTaskId:int CreatorId:int! UpdaterId:int! CreateDate:date! LastUpdateDate:date!
        Editable:bool!=true""",
        f"Contact>Contacts:ContactId {_PEOPLE} OtherProperties[OtherProperties Attachments[Attachments",
        entity_id=36, prefix="interaction_record",
    ),
    _set("Forms", f"{_NAMED} EntityId:int* Main:bool=true",
         "Fields<Forms@Fields:FormId Entity>Fields@Entities:EntityId"),
    _set("Forms@Fields", "Id:int! FormId:int* FieldKey:str* Ordination:i32 Required:bool=false",
         "Form>Forms:FormId Field>Fields:FieldKey"),
    _set("Webhooks", """Id:int! EntityId:int* SecondaryEntityId:int ActionId:int* CallbackUrl:str* ValidationKey:str
         Active:bool=true CreatorId:int! CreateDate:date!""",
         "Entity>Fields@Entities:EntityId Action>Webhooks@Actions:ActionId"),
    _set("Webhooks@Actions", _NAMED, "", READ),
)  # fmt: skip

SETS: dict[str, EntitySet] = {entity_set.name: entity_set for entity_set in _TABLE}
