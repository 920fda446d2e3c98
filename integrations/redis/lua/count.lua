-- Adds to a count, which expires (seconds) after its first addition. KEYS: the count. ARGV: seconds, how much. Returns its value.
local value = redis.call('INCRBY', KEYS[1], ARGV[2])
if value == tonumber(ARGV[2]) then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return value
