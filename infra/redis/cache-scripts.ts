/**
 * Keys of one file, in one slot of a cluster. An entry says in which epoch it was put; the floor
 * is the time of the last change of the file.
 */
export function fileKeys(fileId: string): { readonly entry: string; readonly floor: string } {
  return { entry: `artstore:file:{${fileId}}`, floor: `artstore:floor:{${fileId}}` };
}

/** One for all files. A new value makes everything void that was put before. */
export const epochKey = 'artstore:files:epoch';

/**
 * All times are the server's, in microseconds: clocks of processes differ, and a process may stand
 * still for any time between two of its lines.
 */
const now = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

export const cacheScripts = {
  /** entry → epoch and file of the entry (empty without one), and the time. */
  artstoreReadFile: {
    numberOfKeys: 1,
    lua: `local held = redis.call('HMGET', KEYS[1], 'epoch', 'file')
${now}
return {held[1] or '', held[2] or '', string.format('%.0f', now)}`,
  },

  /**
   * entry, floor; epoch, ticket, revision, file, TTL and floor in seconds → whether it was put.
   * A ticket older than floors live is refused: the floor that would have refused it may be gone.
   */
  artstoreWriteFile: {
    numberOfKeys: 2,
    lua: `${now}
local ticket = tonumber(ARGV[2])
if now - ticket >= ARGV[6] * 1000000 then return 0 end
local floor = redis.call('GET', KEYS[2])
if floor and tonumber(floor) >= ticket then return 0 end
local held = redis.call('HMGET', KEYS[1], 'epoch', 'revision')
if held[1] == ARGV[1] and tonumber(held[2]) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'revision', ARGV[3], 'file', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1`,
  },

  /** entry, floor; floor in seconds. */
  artstoreInvalidateFile: {
    numberOfKeys: 2,
    lua: `${now}
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], string.format('%.0f', now), 'EX', ARGV[1])
return 1`,
  },
} as const;
