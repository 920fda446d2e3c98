-- Change fields of this key's state, unless it was changed since it was read. Returns whether they were.
-- ARGV, after the time: the version that was read, time to live (milliseconds), field, value, …
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'version', tonumber(ARGV[2]) + 1, unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
