-- Finds offer days that were read recently enough, and takes the lease of the others: of all of them, or of none.
-- KEYS: for each day its offer, then for each day its lease.
-- ARGV: the time (microseconds since 1970) after which a day must have been read; the token ('' takes no lease); milliseconds of a lease.
-- Returns 1 if the lease is the caller's, else 0; then for each day its time and its slots, or two empty texts.
local days = #KEYS / 2
local after, token, lease = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local answer, missing, free = { 1 }, {}, true
for n = 1, days do
  local offer = redis.call('HMGET', KEYS[n], 'as_of', 'slots')
  if offer[1] and tonumber(offer[1]) > after then
    answer[#answer + 1], answer[#answer + 2] = offer[1], offer[2]
  else
    answer[#answer + 1], answer[#answer + 2] = '', ''
    local holder = redis.call('GET', KEYS[days + n])
    free = free and (not holder or holder == token)
    missing[#missing + 1] = KEYS[days + n]
  end
end
if token == '' or not free then
  answer[1] = 0
else
  for _, key in ipairs(missing) do
    redis.call('SET', key, token, 'PX', lease)
  end
end
return answer
