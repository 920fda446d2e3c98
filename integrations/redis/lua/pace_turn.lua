-- May a call be sent on this key? KEYS: its state, its calls of the last second, and of the last ten.
-- Returns {seconds to wait, 1 if a lockout, 1 if the probe, calls per second, 1 if ever refused, now, calls in a second, in ten, 1 if a review is due}.
-- ARGV, after the time: rate and burst at the beginning, least rate, most, the part of the bucket that the lane leaves (1/n; 0: none),
-- 1 if the call counts as use of the rate, seconds' worth of the rate at once, asking, longest back-off, review,
-- time to live (milliseconds).
local state = redis.call('HMGET', KEYS[1], 'due', 'until', 'times', 'probing_until', 'rate', 'refused_at', 'reviewed_at', 'peak.second', 'peak.ten')
local function number(at)
  return tonumber(state[at] or 0)
end
local start, least, most = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
local rate = math.min(math.max(number(5) > 0 and number(5) or start, least), most)
local refused = number(6) > 0
local burst = tonumber(ARGV[3])
local fixed = least >= most
if not fixed then
  burst = math.max(refused and 1 or burst, math.floor(rate * tonumber(ARGV[8])))
end

local function count(list, seconds)
  local last = redis.call('LINDEX', list, 0)
  if last and tonumber(last) > now then -- the clock was set back
    redis.call('DEL', list)
  end
  local first = redis.call('LINDEX', list, -1)
  while first and tonumber(first) <= now - seconds do
    redis.call('RPOP', list)
    first = redis.call('LINDEX', list, -1)
  end
  redis.call('LPUSH', list, exact(now))
  redis.call('PEXPIRE', list, seconds * 2000)
  return redis.call('LLEN', list)
end

local function answer(wait, lockout, probe, second, ten, review)
  return {exact(wait), lockout, probe, exact(rate), refused and 1 or 0, exact(now), second, ten, review}
end

local times = number(3)
if times > 0 then
  local lockout = (fixed or times > 1) and 1 or 0
  local longest = tonumber(ARGV[10])
  local wait = math.max(number(2), number(4)) - now
  if wait > longest then -- the clock was set back
    wait = longest
    redis.call('HSET', KEYS[1], 'until', exact(now + longest), 'probing_until', '0')
  end
  if wait > 0 then
    return answer(wait, lockout, 0, 0, 0, 0)
  end
  redis.call('HSET', KEYS[1], 'probing_until', exact(now + tonumber(ARGV[9])))
  redis.call('PEXPIRE', KEYS[1], ARGV[12])
  return answer(0, 0, 1, count(KEYS[2], 1), count(KEYS[3], 10), 0)
end

local interval, part = 1 / rate, tonumber(ARGV[6])
local left = 0
if part > 0 then
  left = burst >= part and math.floor(burst / part) or burst / part
end
local tolerance = (burst - left - 1) * interval
local rest = now + math.min(tolerance, 0)
local kept, full = number(1), now + burst * interval
if kept > full then -- the clock was set back, or the pace has risen
  kept = full
  redis.call('HSET', KEYS[1], 'due', exact(full))
end
local due = math.max(kept, rest)
local wait = due - tolerance - now
if wait > 0 then
  return answer(wait, 0, 0, 0, 0, 0)
end
local second, ten = count(KEYS[2], 1), count(KEYS[3], 10)
-- The last call that its lane could have at once, from a bucket that is in use.
if ARGV[7] == '1' and wait + interval > 0 and kept > rest - tonumber(ARGV[8]) * interval then
  redis.call('HINCRBY', KEYS[1], 'worked', 1)
end
redis.call('HSET', KEYS[1], 'due', exact(math.max(due, now) + interval),
  'peak.second', math.max(number(8), second), 'peak.ten', math.max(number(9), ten))
redis.call('PEXPIRE', KEYS[1], ARGV[12])
local age = now - number(7)
return answer(0, 0, 0, second, ten, (age < 0 or age >= tonumber(ARGV[11])) and 1 or 0)
