-- Give the owner's interval back; what is somebody else's stays.
local hold, clinician, owner, client = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, name = ARGV[1], ARGV[2]

if redis.call('HGET', hold, 'owner') == name then
  redis.call('DEL', hold)
  redis.call('HDEL', clinician, id)
  redis.call('HDEL', owner, id)
  redis.call('HDEL', client, id)
end
