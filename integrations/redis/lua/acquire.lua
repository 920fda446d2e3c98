-- Take an interval of a clinician's time. Answers the fields of the hold that stands then, or "taken" or "limit".
local hold, clinician, owner = KEYS[1], KEYS[2], KEYS[3]
local id, now, ttl, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local fields, wanted = { unpack(ARGV, 5) }, {}
for i = 1, #fields, 2 do
  wanted[fields[i]] = fields[i + 1]
end

local function on_this_slot(other)
  for _, name in ipairs({ 'visit_type_id', 'contact_type', 'location_id', 'starts_at', 'ends_at' }) do
    if redis.call('HGET', other, name) ~= wanted[name] then
      return false
    end
  end
  return true
end

local mine = live(owner, now)
for other_id, entry in pairs(live(clinician, now)) do
  local starts, ends = string.match(entry, '^(%d+) (%d+)')
  if tonumber(starts) < tonumber(wanted.ends_at) and tonumber(wanted.starts_at) < tonumber(ends) then
    local other = string.sub(hold, 1, #hold - #id) .. other_id
    if mine[other_id] and on_this_slot(other) then
      return redis.call('HGETALL', other)
    end
    return 'taken'
  end
end
local count = 0
for _ in pairs(mine) do
  count = count + 1
end
if limit >= 0 and count >= limit then
  return 'limit'
end

redis.call('HSET', hold, unpack(fields))
redis.call('HSET', clinician, id, wanted.starts_at .. ' ' .. wanted.ends_at .. ' ' .. wanted.expires_at)
redis.call('HSET', owner, id, wanted.expires_at)
for _, key in ipairs(KEYS) do
  keep(key, ttl)
end
return fields
