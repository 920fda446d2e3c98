-- Stores offer days, each unless a newer reading is there.
-- KEYS: for each day its offer. ARGV: the time of the reading (microseconds since 1970), milliseconds to keep it, then the slots of each day.
for n, key in ipairs(KEYS) do
  local former = redis.call('HGET', key, 'as_of')
  if not former or tonumber(former) <= tonumber(ARGV[1]) then
    redis.call('HSET', key, 'as_of', ARGV[1], 'slots', ARGV[n + 2])
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
