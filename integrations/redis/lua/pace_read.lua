-- The time and the whole state of this key.
return {exact(now), redis.call('HGETALL', KEYS[1])}
