-- Shared by the scripts of pacing. Times are seconds since 1970. KEYS[1] is one API key's state, and ARGV[1] the time,
-- '' for this server's clock, the one that all processes share.

-- As a text with every digit: Redis would cut a number at the point.
local function exact(number)
  return string.format('%.17g', number)
end

local now = tonumber(ARGV[1])
if not now then
  local told = redis.call('TIME')
  now = told[1] + told[2] / 1000000
end
