import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import type { ElementActivities } from '#workers/element-worker.ts';
import type { BarrierPoint, BarrierVisit } from './barrier-visit.ts';

/**
 * The worker's activities with a barrier before, between and inside the steps of `storeFiles`.
 * What the steps do is left as it is.
 */
export function wrapWithBarriers(
  elementId: ElementId,
  activities: ElementActivities,
  pass: (visit: BarrierVisit) => Promise<void>,
): ElementActivities {
  const idsOf = new Map<GroupId, readonly FileId[]>();

  function reach(point: BarrierPoint, groupId: GroupId): Promise<void> {
    return pass({ point, elementId, groupId, fileCount: idsOf.get(groupId)?.length ?? 0 });
  }

  return {
    ...activities,
    async claimGroup(input) {
      const { groupId, fileIds } = input;
      idsOf.set(groupId, fileIds);
      await reach('before claimGroup', groupId);
      const claimed = await activities.claimGroup(input);
      await reach('after claimGroup', groupId);
      return claimed;
    },
    async commitContents(input) {
      const failures = await activities.commitContents(input);
      await reach('after commitContents', input.groupId);
      return failures;
    },
    async writeSidecars(input) {
      const { groupId, without } = input;
      const fileIds = idsOf.get(groupId) ?? [];
      const half = fileIds.slice(Math.ceil(fileIds.length / 2));
      await activities.writeSidecars({ groupId, without: [...without, ...half] });
      await reach('inside writeSidecars', groupId);
      const failures = await activities.writeSidecars(input);
      await reach('after writeSidecars', groupId);
      return failures;
    },
    async recordGroup(input) {
      const recorded = await activities.recordGroup(input);
      await reach('after recordGroup', input.groupId);
      return recorded;
    },
  };
}
