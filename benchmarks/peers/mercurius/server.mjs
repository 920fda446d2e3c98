// A gateway on Mercurius with its JIT compiler and undici, as their documentation has it: the fastest GraphQL server that we know.
// usage: node server.mjs PORT UPSTREAM [cached]        cached: plans are asked for once
// It has none of a gateway's duties: no authentication, no limits, no audit, no log; holds are not subtracted.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { Pool } from 'undici'

const [port, upstream, mode] = process.argv.slice(2)

const schema = `
  type Query {
    plans(first: Int! = 20): PlanConnection!
    slots(filter: SlotFilter!, from: Date!, until: Date!): [Day!]!
  }
  scalar Date
  scalar DateTime
  scalar Decimal
  enum ContactType { VIDEO PHONE IN_PERSON }
  enum BillingFrequency { ONE_TIME MONTHLY }
  input SlotFilter { visitTypeId: ID!, timeZone: String! }
  type PlanConnection { totalCount: Int!, nodes: [Plan!]! }
  type Plan {
    id: ID!, name: String!, description: String, frequency: BillingFrequency!, soldOut: Boolean!
    price: Money!, dueToday: Money!, visits: [PlanVisits!]!
  }
  type Money { amount: Decimal!, currency: String! }
  type PlanVisits { visitTypeId: ID!, quantity: Int, visitType: VisitType }
  type VisitType { name: String!, minutes: Int!, contactTypes: [ContactType!]! }
  type Day { date: Date!, slots: [Slot!]! }
  type Slot { id: ID!, start: DateTime!, minutes: Int!, contactType: ContactType!, clinician: Clinician }
  type Clinician { id: ID!, name: String! }`

const CONTACT_TYPES = { 'Healthie Video Call': 'VIDEO', 'Phone Call': 'PHONE' }
const FREQUENCIES = { 'One-Time': 'ONE_TIME', Monthly: 'MONTHLY' }

const pool = new Pool(upstream, { connections: 64 })

async function ask(operationName, query, variables = {}) {
  const { body } = await pool.request({
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Basic key-1' },
    body: JSON.stringify({ query, operationName, variables })
  })
  return (await body.json()).data
}

const OFFERINGS = 'query Offerings { offerings { nodes { id } } appointmentTypes { nodes { id } } }'
const MEMBERS = 'query Members { organizationMembers { nodes { id full_name } } }'
const AVAILABLE = `query AvailableSlots($appt_type_id: ID, $start_date: String, $end_date: String, $timezone: String) {
  availableSlotsForRange(appt_type_id: $appt_type_id, start_date: $start_date, end_date: $end_date, timezone: $timezone) {
    user_id date length is_fully_booked
  }
}`

function money(text, currency) {
  return { amount: Number(text).toFixed(2), currency }
}

async function readPlans() {
  const { offerings, appointmentTypes } = await ask('Offerings', OFFERINGS)
  const kinds = new Map(appointmentTypes.nodes.map((kind) => [kind.id, {
    name: kind.client_facing_display_name,
    minutes: kind.length,
    contactTypes: kind.available_contact_types.map((way) => CONTACT_TYPES[way])
  }]))
  return offerings.nodes.map((one) => ({
    id: one.id,
    name: one.name,
    description: one.description,
    frequency: FREQUENCIES[one.billing_frequency],
    soldOut: !one.under_purchase_cap,
    price: money(one.price, one.currency),
    dueToday: money(one.initial_price_with_taxes, one.currency),
    visits: one.offering_includes.map((each) => ({
      visitTypeId: each.appointment_type_id,
      quantity: Number(each.quantity),
      visitType: kinds.get(each.appointment_type_id)
    }))
  }))
}

function slotId(clinician, visitType, start, minutes) {
  return Buffer.from(`America/New_York|${clinician}|${visitType}|video||${Date.parse(start) / 1000}|${minutes}`).toString('base64url')
}

const { organizationMembers } = await ask('Members', MEMBERS)
const clinicians = new Map(organizationMembers.nodes.map((one) => [one.id, { id: one.id, name: one.full_name }]))
const kept = mode === 'cached' ? await readPlans() : null

const resolvers = {
  Query: {
    async plans(_, { first }) {
      const all = kept ?? await readPlans()
      return { totalCount: all.length, nodes: all.slice(0, first) }
    },
    async slots(_, { filter, from, until }) {
      const { availableSlotsForRange } = await ask('AvailableSlots', AVAILABLE, {
        appt_type_id: filter.visitTypeId,
        start_date: `${from}T00:00:00`,
        end_date: `${until}T23:59:59`,
        timezone: filter.timeZone
      })
      const days = new Map()
      for (let day = new Date(from); day <= new Date(until); day.setUTCDate(day.getUTCDate() + 1)) {
        days.set(day.toISOString().slice(0, 10), [])
      }
      for (const { user_id: clinician, date, length, is_fully_booked: isFull } of availableSlotsForRange) {
        if (isFull) continue
        // "2030-01-31 09:00:00 -0500", in the time zone that was asked for
        const day = date.slice(0, 10)
        const start = `${day}T${date.slice(11, 19)}${date.slice(20, 23)}:${date.slice(23)}`
        days.get(day)?.push({
          id: slotId(clinician, filter.visitTypeId, start, length),
          start,
          minutes: length,
          contactType: 'VIDEO',
          clinician: clinicians.get(clinician)
        })
      }
      return Array.from(days, ([date, slots]) => ({ date, slots }))
    }
  }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, jit: 1 })
await app.listen({ port: Number(port), host: '127.0.0.1' })
