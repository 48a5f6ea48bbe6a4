-- Counts one request, unless there were too many. KEYS: this window, the one before.
-- ARGV: limit, part of this window that is over, seconds that a window is remembered, 1 to count or 0 to look only.
-- Returns {1 when it may be served, requests of this window before it, requests of the window before}.
local current = tonumber(redis.call('GET', KEYS[1]) or '0')
local before = tonumber(redis.call('GET', KEYS[2]) or '0')
if before * (1 - tonumber(ARGV[2])) + current + 1 > tonumber(ARGV[1]) then
  return {0, current, before}
end
if ARGV[4] == '1' then
  redis.call('INCR', KEYS[1])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return {1, current, before}
