-- Take an interval of a clinician's time. Answers "ok", "taken" or "limit".
local hold, clinician, owner = KEYS[1], KEYS[2], KEYS[3]
local id, now, ttl, limit, starts, ends, expires = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
local fields = { unpack(ARGV, 8) }

local mine = live(owner, now)
if mine[id] and is_live(hold, now) then
  return 'ok' -- a repeated call: the first one took it
end
for _, entry in pairs(live(clinician, now)) do
  local other_starts, other_ends = string.match(entry, '^(%d+) (%d+)')
  if tonumber(starts) < tonumber(other_ends) and tonumber(other_starts) < tonumber(ends) then
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
redis.call('HSET', clinician, id, starts .. ' ' .. ends .. ' ' .. expires)
redis.call('HSET', owner, id, expires)
for _, key in ipairs(KEYS) do
  keep(key, tonumber(ttl))
end
return 'ok'
