-- Transfer a live hold to another owner; idempotent. Returns the hold's fields, or nothing.
local hold = KEYS[1]
local now, from, to = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local owner = redis.call('HGET', hold, 'owner')
if not is_live(hold, now) or (owner ~= from and owner ~= to) then
  return false
end
redis.call('HSETNX', hold, 'taken_by', owner) -- an earlier version did not write it down
redis.call('HSET', hold, 'owner', to)
return redis.call('HGETALL', hold)
