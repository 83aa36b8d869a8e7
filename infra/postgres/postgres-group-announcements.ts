import type { GroupId } from '#domain/ids.ts';
import type { GroupAnnouncements } from '#domain/ports/group-announcements.ts';
import { createNotificationConnection } from './notification-connection.ts';

/** `<group_id> <stored count>`: see the statement that records a group. */
const payloadPattern = /^([0-9a-f-]{36}) (\d+)$/;

/** Hears it from the transaction that records a group, on a connection of its own. */
export function createGroupAnnouncements(options: {
  readonly url: string;
  readonly applicationName: string;
}): GroupAnnouncements & AsyncDisposable {
  const expected = new Map<string, (storedCount: number) => void>();
  const connection = createNotificationConnection({
    ...options,
    channel: 'artstore_groups',
    onNotification(payload) {
      const [, groupId = '', storedCount] = payloadPattern.exec(payload ?? '') ?? [];
      expected.get(groupId)?.(Number(storedCount));
    },
  });
  connection.start();
  return {
    expectGroup(groupId: GroupId) {
      const { promise: recorded, resolve } = Promise.withResolvers<number>();
      expected.set(groupId, resolve);
      return { recorded, [Symbol.dispose]: () => void expected.delete(groupId) };
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
