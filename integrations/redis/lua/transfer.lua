-- Hand a live hold to another owner; again is no change. Answers the hold's fields, or nothing.
local hold, giver, taker = KEYS[1], KEYS[2], KEYS[3]
local id, now, from, to = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]

local owner = redis.call('HGET', hold, 'owner')
if not is_live(hold, now) or (owner ~= from and owner ~= to) then
  return false
end
if owner ~= to then
  redis.call('HSET', hold, 'owner', to)
  redis.call('HDEL', giver, id)
  redis.call('HSET', taker, id, redis.call('HGET', hold, 'expires_at'))
  keep(taker, redis.call('PTTL', hold))
end
return redis.call('HGETALL', hold)
