-- Too many requests: back off on this key. Returns {since, until, times}.
-- ARGV, after the time: first back-off, longest, jitter as a factor, time to live (milliseconds).
local state = redis.call('HMGET', KEYS[1], 'since', 'until', 'times')
local since, ends, times = state[1], state[2], tonumber(state[3] or 0)

if times == 0 or now >= tonumber(ends) then
  times = times + 1
  since = times > 1 and since or integer(now)
  local length = math.min(tonumber(ARGV[2]) * 2 ^ (math.min(times, 20) - 1), tonumber(ARGV[3]))
  ends = integer(now + length * tonumber(ARGV[4]))
  redis.call('HSET', KEYS[1], 'since', since, 'until', ends, 'times', times, 'asking', 0)
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return {since, ends, integer(times)}
