"""What a browser asks without a key, as Healthie's booking widget does. Single resolvers refuse what needs one all the same."""

PUBLIC_FIELDS = frozenset(
    {
        "__schema",
        "__type",
        "__typename",
        "appointmentInclusion",  # by `uuid`
        "appointmentLocation",
        "appointmentSetting",
        "appointmentType",
        "appointmentTypes",
        "availableSlotsForRange",
        "contactTypes",
        "customModuleForm",
        "customModuleForms",
        "daysAvailableForRange",
        "embedWidgetSteps",
        "nextAvailableSlot",
        "offering",
        "offerings",
        "onboardingFlow",  # by `uuid`
        "onboardingItem",
        "organization",
        "sdkConfig",
        "validateCoupon",
    }
)


PUBLIC_MUTATIONS = frozenset(
    {
        "completeCheckout",
        "createAppointmentRequest",
        "deleteAppointment",  # by `appointment_inclusion_uuid`
        "signUp",
    }
)
