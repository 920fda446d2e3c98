-- Take an interval of a clinician's time. Returns the fields of the live hold, or "taken", "limit", "client_limit" or "no_room".
local hold, clinician, taker, client = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, now, ttl, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local client_limit = tonumber(ARGV[5])
local day_starts, day_ends = tonumber(ARGV[6]), tonumber(ARGV[7])
local room = { everybody = tonumber(ARGV[8]), visitor = tonumber(ARGV[9]), network = tonumber(ARGV[10]), block = tonumber(ARGV[11]) }
local block, least_gap = ARGV[12], tonumber(ARGV[13])
local offered_ends = tonumber(ARGV[14])
local fields, wanted = { unpack(ARGV, 15 + offered_ends) }, {}
for i = 1, #fields, 2 do
  wanted[fields[i]] = fields[i + 1]
end

local function key_of(other_id)
  return string.sub(hold, 1, #hold - #id) .. other_id
end

local function is_the_same(other)
  for _, name in ipairs({ 'owner', 'visit_type_id', 'contact_type', 'location_id', 'starts_at', 'ends_at' }) do
    if redis.call('HGET', other, name) ~= wanted[name] then
      return false
    end
  end
  return true
end

for other_id, entry in pairs(live(clinician, now)) do
  local starts, ends = string.match(entry, '^(%d+) (%d+)')
  if tonumber(starts) < tonumber(wanted.ends_at) and tonumber(wanted.starts_at) < tonumber(ends) then
    if is_the_same(key_of(other_id)) then
      return redis.call('HGETALL', key_of(other_id))
    end
    return 'taken'
  end
end
local function count(entries)
  local n = 0
  for _ in pairs(entries) do
    n = n + 1
  end
  return n
end
if limit >= 0 and count(live(taker, now)) >= limit then
  return 'limit'
end
local client_known = wanted.client ~= ''
if client_known and client_limit >= 0 and count(live(client, now)) >= client_limit then
  return 'client_limit'
end

-- The spans of the day that anonymous holds take already, for each bound that this hold would count for (see booking/scheduling/day_capacity.py).
local function anonymous_spans()
  local held = {}
  local function add(bound, span)
    held[bound] = held[bound] or {}
    table.insert(held[bound], span)
  end
  for other_id, entry in pairs(live(clinician, now)) do
    local starts, ends = string.match(entry, '^(%d+) (%d+)')
    local span = { starts = tonumber(starts), ends = tonumber(ends) }
    if day_starts <= span.starts and span.starts < day_ends then
      local owner, taken_by, from = unpack(redis.call('HMGET', key_of(other_id), 'owner', 'taken_by', 'client'))
      if owner and (string.match(owner, '^visitor:') or string.match(owner, '^guest:')) then
        add('everybody', span)
        if (taken_by or owner) == wanted.taken_by then
          add('visitor', span)
        end
        if client_known and from == wanted.client then
          add('network', span)
        end
        if client_known and from and string.sub(from, 1, #block) == block then
          add('block', span)
        end
      end
    end
  end
  return held
end

-- In microseconds, with what they leave of the offered time that is too short to book.
local function taken(spans)
  table.sort(spans, function(a, b) return a.starts < b.starts end)
  local sum = 0
  for _, span in ipairs(spans) do
    sum = sum + span.ends - span.starts
  end
  for i = 15, 14 + offered_ends, 2 do
    local starts, ends = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
    local before, lost = starts, 0
    local function leave(gap)
      if 0 < gap and gap < least_gap then
        lost = lost + gap
      end
    end
    local met = false
    for _, span in ipairs(spans) do
      if span.starts < ends and starts < span.ends then
        leave(span.starts - before)
        before, met = span.ends, true
      end
    end
    leave(ends - before)
    if met and ends - starts >= least_gap then
      sum = sum + lost
    end
  end
  return sum
end

if day_starts >= 0 then
  for bound, spans in pairs(anonymous_spans()) do
    table.insert(spans, { starts = tonumber(wanted.starts_at), ends = tonumber(wanted.ends_at) })
    if taken(spans) > room[bound] * 60000000 then
      return 'no_room'
    end
  end
end

redis.call('HSET', hold, unpack(fields))
redis.call('HSET', clinician, id, wanted.starts_at .. ' ' .. wanted.ends_at .. ' ' .. wanted.expires_at)
redis.call('HSET', taker, id, wanted.expires_at)
if client_known then
  redis.call('HSET', client, id, wanted.expires_at)
end
for _, key in ipairs(KEYS) do
  keep(key, ttl)
end
return fields
