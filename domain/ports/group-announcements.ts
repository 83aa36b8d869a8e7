import type { GroupId } from '#domain/ids.ts';

/** Somebody who waits for the rows of one group. */
export interface AnnouncedGroup extends Disposable {
  /**
   * Resolves with how many files of the group were stored, once their rows are committed; never
   * when nothing is heard.
   */
  readonly recorded: Promise<number>;
}

/**
 * Tells that the rows of a group are committed, before its workflow has ended. Only a shorter way:
 * an announcement may be lost, and whoever waits must have another way to learn the outcome.
 */
export interface GroupAnnouncements {
  /** To be called before the group is sent off. */
  expectGroup(groupId: GroupId): AnnouncedGroup;
}
