-- Stores offer days, each unless a newer reading is there, and ends the caller's leases of them.
-- KEYS: for each day its offer, then for each day its lease.
-- ARGV: the time of the reading (microseconds since 1970), milliseconds to keep it, the token, then the slots of each day ('': not stored).
local days = #KEYS / 2
for n = 1, days do
  local key, lease, slots = KEYS[n], KEYS[days + n], ARGV[n + 3]
  local former = redis.call('HGET', key, 'as_of')
  if slots ~= '' and (not former or tonumber(former) <= tonumber(ARGV[1])) then
    redis.call('HSET', key, 'as_of', ARGV[1], 'slots', slots)
    redis.call('PEXPIRE', key, ARGV[2])
  end
  if redis.call('GET', lease) == ARGV[3] then
    redis.call('DEL', lease)
  end
end
