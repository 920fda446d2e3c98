"""Settings of changes of booked visits and of memberships: what Healthie has no setting for. They become policies, which check themselves."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from booking.changes.policy import ChangePolicy, MembershipPolicy, PlanVisitTreatment, RefundTier
from gateway.settings.environment import EnvironmentSettings

MOST_HOURS = 24 * 365  # of a notice: nobody can book further ahead

Hours = Annotated[int, Field(ge=0, le=MOST_HOURS)]


class RefundTierSetting(BaseModel):
    """One entry of FRONTDOOR_CANCELLATION_REFUNDS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: Hours
    percent: Annotated[int, Field(ge=0, le=100)]

    @property
    def tier(self) -> RefundTier:
        """The tier of the policy."""
        return RefundTier(notice=timedelta(hours=self.hours), percent=self.percent)


class ChangeSettings(EnvironmentSettings):
    """What cancelling gives back and costs, how a visit may be moved, and whether memberships may be paused."""

    cancellation_refunds: tuple[RefundTierSetting, ...] = Field(
        (RefundTierSetting(hours=0, percent=100),),
        description='JSON list: with at least so many hours of notice, so many percent of the payment are given back; the longest notice first, such as `[{"hours": 48, "percent": 100}, {"hours": 24, "percent": 50}]`. '
        "With less notice than the last entry's nothing is; without a setting everything is. See [cancelling and moving](changes.md).",
    )
    late_cancellation_hours: int | None = Field(
        None,
        ge=1,
        le=MOST_HOURS,
        description="A cancellation with less notice is late: the practice's fee for late cancellations in Healthie applies. Without it none is late. How close to a visit patients may cancel at all is Healthie's to say.",
    )
    charge_late_cancellation_fee: bool = Field(
        False,
        description="`true`: Frontdoor charges that fee to the card that paid for the visit, unless Healthie charges it by itself.",
    )
    cancelled_plan_visits: PlanVisitTreatment = Field(
        PlanVisitTreatment.CREDIT,
        description="What cancelling a visit that a plan paid for gives back: `credit` (as Healthie's own settings say), `money` (the plan's payment, as for a single visit; its later payments end) or `nothing`.",
    )
    most_reschedules: int | None = Field(
        None,
        ge=0,
        le=100,
        description="How often a patient may move a visit; Healthie's own limit applies besides, the lower one counts.",
    )
    reschedule_to_other_clinicians: bool = Field(
        False,
        description="`true`: a visit may be moved to another clinician: the new one is booked, then the old one cancelled.",
    )
    patients_pause_memberships: bool = Field(
        False,
        description="`true`: patients may pause their memberships, and resume what they paused. Without it only staff do. See [memberships](changes.md#memberships).",
    )
    most_membership_pauses: int | None = Field(
        None,
        ge=1,
        le=100,
        description="How often a patient may pause a membership within a year; without it as often as they like.",
    )

    @field_validator("cancellation_refunds")
    @classmethod
    def _tiers_in_order(cls, value: tuple[RefundTierSetting, ...]) -> tuple[RefundTierSetting, ...]:
        ChangePolicy(refunds=tuple(each.tier for each in value))
        return value

    @model_validator(mode="after")
    def _a_fee_has_a_notice(self) -> Self:
        if self.charge_late_cancellation_fee and self.late_cancellation_hours is None:
            raise ValueError(
                "FRONTDOOR_CHARGE_LATE_CANCELLATION_FEE needs FRONTDOOR_LATE_CANCELLATION_HOURS: without it no cancellation is late"
            )
        return self

    @model_validator(mode="after")
    def _a_number_of_pauses_has_pauses(self) -> Self:
        if self.most_membership_pauses is not None and not self.patients_pause_memberships:
            raise ValueError(
                "FRONTDOOR_MOST_MEMBERSHIP_PAUSES needs FRONTDOOR_PATIENTS_PAUSE_MEMBERSHIPS=true: without it patients do not pause"
            )
        return self

    @property
    def membership_policy(self) -> MembershipPolicy:
        """The policy for memberships."""
        return MembershipPolicy(
            patients_may_pause=self.patients_pause_memberships, most_pauses=self.most_membership_pauses
        )

    @property
    def change_policy(self) -> ChangePolicy:
        """The policy for changes of booked visits."""
        late = self.late_cancellation_hours
        return ChangePolicy(
            refunds=tuple(each.tier for each in self.cancellation_refunds),
            late_notice=None if late is None else timedelta(hours=late),
            charge_late_fee=self.charge_late_cancellation_fee,
            plan_visits=self.cancelled_plan_visits,
            most_reschedules=self.most_reschedules,
            other_clinicians=self.reschedule_to_other_clinicians,
        )
