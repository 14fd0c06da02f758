/** Scripts: what a bridge does in Redis, each as a whole or not at all (a crash of Redis in the middle leaves no trace of it). */

/** A script of Lua. */
export interface Script {
  readonly text: string;
}

/**
 * Registers a consumer, renews its lease, and moves messages from the list ($KEYS 1) among those that it processes (2: a hash by the ids that they are given here) until it
 * has a batch, or 4 MiB. Returns all that it processes. KEYS: list, processed, lease, consumers, count of taken. ARGV: consumer, lease in ms, batch,
 * end of the list, ids. SADD comes first: out of memory a script fails at its first write, and then nothing has been taken.
 */
export const TAKE: Script = {
  text: `
redis.call('SADD', KEYS[4], ARGV[1])
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
local pop = ARGV[4] == 'left' and 'LPOP' or 'RPOP'
local room = tonumber(ARGV[3]) - redis.call('HLEN', KEYS[2])
local taken, bytes = 0, 0
while taken < room and bytes < 4194304 do
  local message = redis.call(pop, KEYS[1])
  if not message then break end
  taken = taken + 1
  bytes = bytes + #message
  redis.call('HSET', KEYS[2], ARGV[4 + taken], message)
end
if taken > 0 then redis.call('INCRBY', KEYS[5], taken) end
return redis.call('HGETALL', KEYS[2])`,
};

/** Renews the lease of a consumer, also while it takes nothing; returns all consumers. KEYS: lease, consumers. ARGV: consumer, lease in ms. */
export const RENEW: Script = {
  text: `
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('SMEMBERS', KEYS[2])`,
};

/**
 * Moves what a consumer processed whose lease is over to another one, under the same ids. Returns how many messages; -1 when it lives. KEYS: its messages, its lease,
 * messages of the other one, consumers. ARGV: the dead consumer.
 */
export const ADOPT: Script = {
  text: `
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do redis.call('HSET', KEYS[3], entries[i], entries[i + 1]) end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[4], ARGV[1])
return #entries / 2`,
};

/** Gives up the lease of a consumer that stops: what it still processes is adopted at once. KEYS: lease, its messages, consumers. ARGV: consumer. */
export const LEAVE: Script = {
  text: `
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SREM', KEYS[3], ARGV[1]) end
return 0`,
};

/**
 * Moves messages that cannot become jobs to the dead ones, unless somebody else has settled them: KEYS: processed, dead. ARGV: pairs of an id and an entry without its
 * end, to which the time of Redis is added. Returns how many.
 */
export const BURY: Script = {
  text: `
local time = redis.call('TIME')
local ms = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
local buried = 0
for i = 1, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('LPUSH', KEYS[2], ARGV[i + 1] .. ',"dead_at_ms":' .. ms .. '}')
    redis.call('HDEL', KEYS[1], ARGV[i])
    buried = buried + 1
  end
end
return buried`,
};

/** Adds entries to the dead ones that are in no list: KEYS: dead. ARGV: entries without their end. Returns how many. */
export const BURY_LOST: Script = {
  text: `
local time = redis.call('TIME')
local ms = time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
for i = 1, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[i] .. ',"dead_at_ms":' .. ms .. '}') end
return #ARGV`,
};

/**
 * Measures a bridge: lengths of the list, of what all consumers process, of the dead list; how many were ever taken; the oldest message, the least id
 * that is processed, the oldest dead entry. KEYS: list, dead, consumers, count of taken. ARGV: end of the list, what the keys of the processed begin with.
 */
export const LOOK: Script = {
  text: `
local processing, least = 0, false
for _, consumer in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  for _, id in ipairs(redis.call('HKEYS', ARGV[2] .. consumer)) do
    processing = processing + 1
    if not least or id < least then least = id end
  end
end
local head = redis.call('LINDEX', KEYS[1], ARGV[1] == 'left' and 0 or -1)
return {redis.call('LLEN', KEYS[1]), processing, redis.call('LLEN', KEYS[2]), tonumber(redis.call('GET', KEYS[4]) or 0),
  head, least, redis.call('LINDEX', KEYS[2], -1)}`,
};

/**
 * Takes dead entries out of their list, those that stand where they were seen; each then goes to the list, at the end where producers push, or nowhere. Counted from the
 * oldest, a place stays what it is while others die. KEYS: dead, list. ARGV: what to do, a mark that no entry equals, triples of a place, a digest and a message.
 * Returns for each triple whether it was done.
 */
export const MOVE_DEAD: Script = {
  text: `
local done = {}
for i = 3, #ARGV, 3 do
  local place = -1 - tonumber(ARGV[i])
  local entry = redis.call('LINDEX', KEYS[1], place)
  local same = entry and redis.sha1hex(entry) == ARGV[i + 1]
  if same then
    if ARGV[1] == 'left' then redis.call('LPUSH', KEYS[2], ARGV[i + 2]) end
    if ARGV[1] == 'right' then redis.call('RPUSH', KEYS[2], ARGV[i + 2]) end
    redis.call('LSET', KEYS[1], place, ARGV[2])
  end
  done[#done + 1] = same and 1 or 0
end
redis.call('LREM', KEYS[1], 0, ARGV[2])
return done`,
};
