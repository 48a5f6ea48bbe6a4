-- Append events to a log, keep its length and life, and nudge whoever watches; all or nothing of it is seen by others.
-- KEYS[1] the stream; ARGV: length, life in seconds, channel, nudge, then position and event, again and again.
-- Returns 'ok', or 'refused' when the log holds something else at, or something beyond, a position, or is no log at all.
for i = 5, #ARGV, 2 do
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', ARGV[1], ARGV[i], 'e', ARGV[i + 1])
  if type(added) == 'table' and added.err then
    if string.find(added.err, 'WRONGTYPE', 1, true) then
      return 'refused'
    end
    if not string.find(added.err, 'equal or smaller', 1, true) then
      return redis.error_reply(added.err)
    end
    local known = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
    if #known == 0 or known[1][2][2] ~= ARGV[i + 1] then
      return 'refused'
    end
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 'ok'
