-- Move the expiry of the owner's live hold, never back, and count the extension once, even if the call is retried.
-- A hold that another call extended since it was read is unchanged. Returns the hold's fields, or nothing.
local hold, clinician, taker, client = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, now, ttl, name, expires, call = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local extensions_read, counted = tonumber(ARGV[7]), ARGV[8]

if not is_live(hold, now) or redis.call('HGET', hold, 'owner') ~= name then
  return false
end
local again = redis.call('HGET', hold, 'extended_by') == call
if not again and tonumber(redis.call('HGET', hold, 'extensions')) ~= extensions_read then
  return redis.call('HGETALL', hold)
end
local present, starts, ends = unpack(redis.call('HMGET', hold, 'expires_at', 'starts_at', 'ends_at'))
if tonumber(present) > tonumber(expires) then
  expires = present
end
redis.call('HSET', hold, 'expires_at', expires)
if counted == '1' and not again then
  redis.call('HSET', hold, 'extended_by', call)
  redis.call('HINCRBY', hold, 'extensions', 1)
end
redis.call('HSET', clinician, id, starts .. ' ' .. ends .. ' ' .. expires)
redis.call('HSET', taker, id, expires)
local taken_from = redis.call('HGET', hold, 'client')
if taken_from and taken_from ~= '' then
  redis.call('HSET', client, id, expires)
end
for _, key in ipairs(KEYS) do
  keep(key, tonumber(ttl))
end
return redis.call('HGETALL', hold)
