"""The sets around clients, products and sales (ploomes-api.md 3.1 to 3.5)."""

from .shape import INNER, READ, define

NAMED = "Id:int! Name:str*"
AUDIT = "Editable:bool!=true Deletable:bool!=true CreatorId:int! UpdaterId:int! CreateDate:date! LastUpdateDate:date!"
PEOPLE = "Creator>Users:CreatorId Updater>Users:UpdaterId"
_VALUES = """StringValue:str BigStringValue:str IntegerValue:i32 DecimalValue:num DateTimeValue:date BoolValue:bool
    ObjectValueId:int! ObjectValueName:str! UserValueId:int! UserValueName:str! UserValueAvatarUrl:str!
    ProductValueId:int! ProductValueName:str! AttachmentValueId:int! AttachmentValueName:str!
    AttachmentItemValueId:int! AttachmentItemValueName:str! ContactValueId:int! ContactValueName:str!
    ContactValueTypeId:int! ContactValueRegister:str! CurrencyValueId:int"""
_OWNERS = """ContactId:int! DealId:int! OrderId:int! OrderProductId:int! ProductId:int! GroupId:int! FamilyId:int!
    InteractionRecordId:int! TaskId:int!"""

TABLE = (
    define(
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
        ImportationIdCreate:int! ImportationIdUpdate:int! PublicFormIdCreate:int! PublicFormIdUpdate:int! {AUDIT}""",
        f"""Type>Contacts@Types:TypeId Status>Contacts@Status:StatusId Class>Contacts@Classes:ClassId
        Relationship>Contacts@Relationships:RelationshipId LineOfBusiness>Contacts@LinesOfBusiness:LineOfBusinessId
        Origin>Contacts@Origins:OriginId NumberOfEmployees>Contacts@NumbersOfEmployees:NumberOfEmployeesId
        Owner>Users:OwnerId {PEOPLE} Role>Roles:RoleId Department>Departments:DepartmentId
        Company>Contacts:CompanyId Contacts<Contacts:CompanyId City>Cities:CityId
        State>Cities@Countries@States:StateId Country>Cities@Countries:CountryId Currency>Currencies:CurrencyId
        Phones[Contacts@Phones Tags[Contacts@Tags CollaboratingUsers[Contacts@CollaboratingUsers
        OtherProperties[OtherProperties Attachments<Attachments:ContactId Products<Contacts@Products:ContactId""",
        entity_id=1, prefix="contact",
    ),
    define(
        "Contacts@Phones",
        "Id:int! ContactId:int! PhoneNumber:str* SearchPhoneNumber:int! TypeId:int CountryId:int=76",
        "Type>PhoneTypes:TypeId Country>Cities@Countries:CountryId", INNER,
    ),
    define(
        "Contacts@Tags",
        """Id:int! TagId:int* ContactId:int! DealId:int! LeadId:int! TaskId:int! NoteId:int! InteractionRecordId:int!
        EmailId:int!""",
        "Tag>Tags:TagId", INNER,
    ),
    define("Contacts@CollaboratingUsers", "Id:int! ContactId:int! UserId:int*", "User>Users:UserId", INNER),
    define("Contacts@Products", "Id:int! ContactId:int* ProductId:int*",
           "Contact>Contacts:ContactId Product>Products:ProductId"),
    define("OtherProperties", f"Id:int! FieldId:int FieldKey:str {_OWNERS} {_VALUES}",
           "CurrencyValue>Currencies:CurrencyValueId", INNER),
    define("Contacts@Types", NAMED, "", READ),
    define("Contacts@Status", f"{NAMED} Label:str Icon:str Color:str Discarded:bool=false"),
    *(
        define(f"Contacts@{name}", NAMED)
        for name in ("Origins", "LinesOfBusiness", "NumbersOfEmployees", "Relationships")
    ),
    define("Contacts@Classes", NAMED, "", READ),
    define("Departments", NAMED),
    define("Roles", NAMED),
    define("Tags@Entities", NAMED, "", READ),
    define("Tags", "Id:int! Name:str* Color:str=#7A869A EntityId:int*", "Entity>Fields@Entities:EntityId"),
    define(
        "Products",
        f"""Id:int! GroupId:int FamilyId:int Name:str* Code:str MeasurementUnit:str ImageUrl:str CurrencyId:int
        UnitPrice:num Suspended:bool=false CreateImportId:int! UpdateImportId:int! ImportationIdCreate:int!
        ImportationIdUpdate:int! {AUDIT}""",
        f"""Group>Products@Groups:GroupId Family>Products@Families:FamilyId Currency>Currencies:CurrencyId {PEOPLE}
        Lists[Products@Products@Lists Parts[Products@Parts OtherProperties[OtherProperties
        Attachments<Attachments:ProductId""",
        entity_id=10, prefix="product",
    ),
    define("Products@Products@Lists", "Id:int! ListId:int* ProductId:int!", "List>Products@Lists:ListId", INNER),
    define(
        "Products@Parts",
        """Id:int! ProductId:int! ProductPartId:int* MinimumQuantity:num MaximumQuantity:num DefaultQuantity:num
        CurrencyId:int MinimumUnitPrice:num MaximumUnitPrice:num DefaultUnitPrice:num""",
        "ProductPart>Products:ProductPartId", READ, within=("Products", "ProductId", "Parts"),
    ),
    define("Products@Lists", f"{NAMED} Editable:bool=true"),
    define("Products@Families", f"{NAMED} Editable:bool!=true Deletable:bool!=true", "OtherProperties[OtherProperties"),
    define(
        "Products@Groups",
        f"""{NAMED} FamilyId:int FixedPrice:bool Default:bool Editable:bool!=true Deletable:bool!=true
        LastUpdateDate:date!""",
        "Family>Products@Families:FamilyId OtherProperties[OtherProperties",
    ),
    define(
        "Orders",
        f"""Id:int! OrderNumber:int Date:date ContactId:int* ContactName:str! PersonId:int PersonName:str! DealId:int
        StageId:int OwnerId:int OriginQuoteId:int TemplateId:int Amount:num Discount:num CurrencyId:int Commission:num
        CommissionAmount:num AgentId:int Description:str InternalComments:str FileName:str DocumentUrl:str! Key:str
        Shared:bool!=false Approver:bool!=false ApprovalStatusId:int! ApprovalLevelId:int!
        ExternallyAccepted:bool!=false {AUDIT}""",
        f"""Contact>Contacts:ContactId Person>Contacts:PersonId Deal>Deals:DealId Stage>Orders@Stages:StageId
        Owner>Users:OwnerId Currency>Currencies:CurrencyId {PEOPLE} Sections[Orders@Sections Products[Orders@Products
        Comments<Comments:OrderId OtherProperties[OtherProperties Attachments<Attachments:OrderId""",
        entity_id=4, prefix="order",
    ),
    define(
        "Orders@Products",
        """Id:int! OrderId:int! SectionId:int ProductId:int* ProductName:str! ProductCode:str Quantity:num
        CurrencyId:int UnitPrice:num Discount:num Total:num Bonus:bool Ordination:i32 OwnerId:int! OrderDate:date!
        DealId:int! ContactId:int! ContactProductId:int Editable:bool!=true""",
        "Product>Products:ProductId Currency>Currencies:CurrencyId OtherProperties[OtherProperties", READ,
        entity_id=20, prefix="order_product", within=("Orders", "OrderId", "Products"),
    ),
    define("Orders@Sections", "Id:int! OrderId:int! Code:int Discount:num Total:num",
           "Products~Orders@Products:SectionId OtherProperties[OtherProperties", READ, entity_id=5,
           within=("Orders", "OrderId", "Sections")),
    define("Orders@Stages", f"{NAMED} Icon:str Ordination:i32"),
    define(
        "Quotes",
        f"""Id:int! QuoteNumber:int! ReviewNumber:i32!=1 LastReview:bool!=true Date:date DealId:int ContactId:int
        ContactName:str! PersonId:int PersonName:str! OwnerId:int Amount:num Discount:num CurrencyId:int {AUDIT}""",
        f"""Deal>Deals:DealId Contact>Contacts:ContactId Person>Contacts:PersonId Owner>Users:OwnerId
        Currency>Currencies:CurrencyId {PEOPLE} Sections[Quotes@Sections Products[Quotes@Products""",
    ),
    define(
        "Quotes@Products",
        """Id:int! QuoteId:int! SectionId:int ProductId:int* ProductName:str! ProductCode:str Quantity:num
        CurrencyId:int UnitPrice:num Discount:num Total:num Ordination:i32""",
        "Product>Products:ProductId Currency>Currencies:CurrencyId", READ, within=("Quotes", "QuoteId", "Products"),
    ),
    define("Quotes@Sections", "Id:int! QuoteId:int! Code:int Discount:num Total:num",
           "Products~Quotes@Products:SectionId", READ, within=("Quotes", "QuoteId", "Sections")),
    define(
        "Deals",
        f"""Id:int! Title:str* ContactId:int ContactName:str! PersonId:int PersonName:str! PipelineId:int StageId:int
        StatusId:int!=1 OwnerId:int OriginId:int Amount:num CurrencyId:int=1 StartAmount:num StartDate:date
        FinishDate:date! LossReasonId:int! LastQuoteId:int! LastOrderId:int! WonQuoteId:int! LastStageId:int!
        DealNumber:int! DaysInStage:i32!=0 HoursInStage:i32!=0 Length:i32!=0 LastDocumentId:int! LeadId:int
        OriginDealId:int Read:bool!=false {AUDIT}""",
        f"""Contact>Contacts:ContactId Person>Contacts:PersonId Pipeline>Deals@Pipelines:PipelineId
        Stage>Deals@Stages:StageId Status>Deals@Status:StatusId Owner>Users:OwnerId Origin>Contacts@Origins:OriginId
        LossReason>Deals@LossReasons:LossReasonId Currency>Currencies:CurrencyId {PEOPLE} Tags[Deals@Tags
        OtherProperties[OtherProperties Attachments<Attachments:DealId""",
        entity_id=2, prefix="deal",
    ),
    define("Deals@Tags", "Id:int! TagId:int* DealId:int!", "Tag>Tags:TagId", INNER),
    define("Deals@Pipelines", NAMED, "Stages<Deals@Stages:PipelineId"),
    define("Deals@Stages", f"{NAMED} PipelineId:int* Ordination:i32", "Pipeline>Deals@Pipelines:PipelineId"),
    define("Deals@Status", NAMED, "", READ),
    define("Deals@LossReasons", f"{NAMED} PipelineId:int", "Pipeline>Deals@Pipelines:PipelineId"),
)  # fmt: skip
