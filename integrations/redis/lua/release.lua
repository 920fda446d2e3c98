-- Release the hold if one of the names owns it. Returns the fields of the released hold, or nothing.
local hold, clinician, taker, client = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, names = ARGV[1], { unpack(ARGV, 2) }

local owner = redis.call('HGET', hold, 'owner')
for _, name in ipairs(names) do
  if owner == name then
    local freed = redis.call('HGETALL', hold)
    redis.call('DEL', hold)
    redis.call('HDEL', clinician, id)
    redis.call('HDEL', taker, id)
    redis.call('HDEL', client, id)
    return freed
  end
end
return false
