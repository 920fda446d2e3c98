-- May a call be sent on this key? Returns {microseconds to wait, 1 if backed off, 1 if this call is the probe}.
-- ARGV, after the time: interval, tolerance, full, asking,
-- longest back-off, time to live (milliseconds).
local interval, tolerance, full = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call('HMGET', KEYS[1], 'due', 'until', 'times', 'asking')

if tonumber(state[3] or 0) > 0 then
  local free = math.max(tonumber(state[2] or 0), tonumber(state[4] or 0))
  local wait = math.min(free - now, tonumber(ARGV[6]))
  if wait > 0 then
    return {integer(wait), '1', '0'}
  end
  redis.call('HSET', KEYS[1], 'asking', integer(now + tonumber(ARGV[5])))
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
  return {'0', '0', '1'}
end

local due = math.min(math.max(tonumber(state[1] or 0), now), now + full)
local wait = due - tolerance - now
if wait > 0 then
  return {integer(wait), '0', '0'}
end
redis.call('HSET', KEYS[1], 'due', integer(due + interval))
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return {'0', '0', '0'}
