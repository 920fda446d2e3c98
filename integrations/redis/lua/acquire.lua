-- Take an interval of a clinician's time. Answers the fields of the hold that stands then, or "taken", "limit" or "client_limit".
local hold, clinician, taker, client = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, now, ttl, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local client_limit = tonumber(ARGV[5])
local fields, wanted = { unpack(ARGV, 6) }, {}
for i = 1, #fields, 2 do
  wanted[fields[i]] = fields[i + 1]
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
    local other = string.sub(hold, 1, #hold - #id) .. other_id
    if is_the_same(other) then
      return redis.call('HGETALL', other)
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
