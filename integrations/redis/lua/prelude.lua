-- Shared by the scripts of holds. Times are whole microseconds since 1970, as text: exact in Lua's numbers, and returned unchanged.
-- A clinician's index maps hold id -> "start end expires"; a taker's and a client's map hold id -> "expires".

local function keep(key, milliseconds)
  if redis.call('PTTL', key) < milliseconds then
    redis.call('PEXPIRE', key, milliseconds)
  end
end

-- The live entries; expired ones are deleted on the way.
local function live(key, now)
  local entries = {}
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    if tonumber(string.match(flat[i + 1], '%d+$')) > now then
      entries[flat[i]] = flat[i + 1]
    else
      redis.call('HDEL', key, flat[i])
    end
  end
  return entries
end

local function is_live(hold, now)
  local expires = redis.call('HGET', hold, 'expires_at')
  return expires and tonumber(expires) > now
end
