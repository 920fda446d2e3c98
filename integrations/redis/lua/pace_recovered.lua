-- End the back-off, with an empty bucket. ARGV, after the time: full, time to live (milliseconds).
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'due', integer(now + tonumber(ARGV[2])))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
