-- Shared by the scripts of pacing. Times are whole microseconds since 1970. KEYS[1] is one API key's state, and ARGV[1] the time,
-- '' for this server's clock, the one that all processes share.

local function integer(number)
  return string.format('%.0f', number)
end

local now = tonumber(ARGV[1])
if not now then
  local told = redis.call('TIME')
  now = told[1] * 1000000 + told[2]
end
