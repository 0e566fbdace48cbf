"""The sets around people, custom fields, places, notes and webhooks (ploomes-api.md 3.6 to 3.11 and 4)."""

from .shape import INNER, NO_DELETE, NO_PATCH, READ, define
from .tables import NAMED, PEOPLE

_USER = """Id:int! Name:str* Email:str* Phone:str AvatarUrl:str RoleId:int ProfileId:int* Integration:bool=false
    NativeIntegration:bool!=false Suspended:bool=false AccountOwner:bool!=false UserKey:str! Password:str
    Language:str!=pt-BR LanguageId:int!=1 LastSeen:date! Birthday:date CreatorId:int! UpdaterId:int! CreateDate:date!
    UpdateDate:date! LastUpdateDate:date! Editable:bool!=true NoLogin:bool"""

TABLE = (
    define("Users", _USER, "Role>Roles:RoleId Profile>Users@Profiles:ProfileId", NO_DELETE),
    define("Users@Profiles", f"{NAMED} FieldsCreatePermission:bool=true ContactsView:i32=1", "", READ),
    define("Self", f"{_USER} AccountId:int!", "Profile>Users@Profiles:ProfileId", frozenset({"GET", "PATCH"}),
         singleton=True),
    define(
        "Account",
        """Id:int! Name:str Register:str CurrencyId:int PlanId:int! NextOrderNumber:int! OrdersModule:bool=true
        ProductsModule:bool=true""",
        "Currency>Currencies:CurrencyId", frozenset({"GET", "PATCH"}), singleton=True,
    ),
    define("Account@Integrations", "Id:int! AccountId:int! IntegrationId:int* Active:bool=true CreateDate:date!",
         "Integration>Integrations:IntegrationId", READ),
    define("Integrations", NAMED, "Fields<Integrations@Fields:IntegrationId", READ),
    define("Integrations@Fields", "Id:int! IntegrationId:int* Name:str*", "", INNER),
    define(
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
    define("Fields@Types", f"{NAMED} Icon:str NativeType:str! Listable:bool! Multipliable:bool! StandardFormat:str!",
         "", READ),
    define("Fields@Entities", f"""{NAMED} ApiUrl:str DefaultPropertyName:str DisplayPropertyName:str
         SingularUnitName:str PluralUnitName:str Importable:bool""", "", READ),
    define("Fields@OptionsTables", NAMED, "Options<Fields@OptionsTables@Options:TableId"),
    define("Fields@OptionsTables@Options", "Id:int! TableId:int* Name:str* ExternalKey:str LastUpdateDate:date!",
         "Table>Fields@OptionsTables:TableId"),
    define("PhoneTypes", NAMED, "", READ),
    define("Cities", f"""{NAMED} StateId:int* CountryId:int IBGECode:int Latitude:num Longitude:num
         Editable:bool!=true LastUpdateDate:date!""",
         "State>Cities@Countries@States:StateId Country>Cities@Countries:CountryId"),
    define("Cities@Countries", f"{NAMED} Short1:str Short2:str PhoneMask:str", "", READ),
    define("Cities@Countries@States", f"{NAMED} Short:str CountryId:int*", "Country>Cities@Countries:CountryId", READ),
    define("Currencies", f"{NAMED} Symbol:str Code:str Editable:bool", "", READ),
    define(
        "Attachments",
        """Id:int! ItemId:int! EntityId:int! ContactId:int! DealId:int! OrderId:int! ProductId:int!
        InteractionRecordId:int! FolderId:int! FileName:str! ContentType:str! ContentLength:int! Url:str!
        Listable:bool!=true IsSensitiveData:bool!=false CreatorId:int! CreateDate:date!""",
        "Creator>Users:CreatorId Folder>Attachments@Folders:FolderId", NO_PATCH,
    ),
    define("Attachments@Folders", NAMED),
    define("Attachments@Items", NAMED, "", INNER),
    define("Comments", """Id:int! Content:str* OrderId:int! InteractionRecordId:int! External:bool!=false CreatorId:int!
           CreateDate:date!""", "Creator>Users:CreatorId", INNER),
    define(
        "InteractionRecords",
        """Id:int! ContactId:int DealId:int Date:date Length:i32 TypeId:int Title:str Content:str Latitude:num
        Longitude:num OriginalTaskId:int CreatorId:int! UpdaterId:int! CreateDate:date! LastUpdateDate:date!
        Editable:bool!=true""",
        f"""Contact>Contacts:ContactId Deal>Deals:DealId Type>Tasks@Types:TypeId {PEOPLE}
        Comments<Comments:InteractionRecordId NotifiedUsers[InteractionRecords@NotifiedUsers
        Contacts[InteractionRecords@Contacts OtherProperties[OtherProperties
        Attachments<Attachments:InteractionRecordId""",
        entity_id=36, prefix="interaction_record",
    ),
    define("InteractionRecords@NotifiedUsers", "Id:int! InteractionRecordId:int! UserId:int*", "User>Users:UserId",
           INNER),
    define("InteractionRecords@Contacts", "Id:int! InteractionRecordId:int! ContactId:int*",
           "Contact>Contacts:ContactId", INNER),
    define(
        "Tasks",
        """Id:int! Title:str Description:str TypeId:int DateTime:date* EndTime:date NoTime:bool ContactId:int
        DealId:int Finished:bool!=false FinishDate:date! Comments:str! CreatorId:int! UpdaterId:int! CreateDate:date!
        LastUpdateDate:date! Editable:bool!=true Deletable:bool!=true""",
        f"""Contact>Contacts:ContactId Deal>Deals:DealId Type>Tasks@Types:TypeId {PEOPLE} Users[Tasks@Users
        Tags[Tasks@Tags OtherProperties[OtherProperties""",
        entity_id=12, prefix="task",
    ),
    define("Tasks@Users", "Id:int! TaskId:int! UserId:int*", "User>Users:UserId", INNER),
    define("Tasks@Tags", "Id:int! TaskId:int! TagId:int*", "Tag>Tags:TagId", INNER),
    define("Tasks@Types", f"{NAMED} Icon:str Color:str"),
    define("Forms", f"{NAMED} EntityId:int* Main:bool=true",
         "Fields<Forms@Fields:FormId Entity>Fields@Entities:EntityId"),
    define("Forms@Fields", "Id:int! FormId:int* FieldKey:str* Ordination:i32 Required:bool=false",
         "Form>Forms:FormId Field>Fields:FieldKey"),
    define("Webhooks", """Id:int! EntityId:int* SecondaryEntityId:int ActionId:int* CallbackUrl:str* ValidationKey:str
         Active:bool=true CreatorId:int! CreateDate:date!""",
         "Entity>Fields@Entities:EntityId Action>Webhooks@Actions:ActionId"),
    define("Webhooks@Actions", NAMED, "", READ),
)  # fmt: skip
