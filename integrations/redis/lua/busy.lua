-- The live holds of these clinicians (KEYS: their indexes) that overlap a span, each as "number of the key, start, end, expires".
-- Usually there are none. Nothing is written.
local now, span_starts, span_ends = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for number, clinician in ipairs(KEYS) do
  for _, entry in ipairs(redis.call('HVALS', clinician)) do
    local starts, ends, expires = string.match(entry, '^(%d+) (%d+) (%d+)$')
    if tonumber(expires) > now and tonumber(starts) < span_ends and tonumber(ends) > span_starts then
      table.insert(found, number .. ' ' .. entry)
    end
  end
end
return found
