-- Ends leases. KEYS: for each day its lease. ARGV: the token; leases of others are left alone.
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
  end
end
