import type { ElementId, FileId, GroupId } from '#domain/ids.ts';
import type { ElementActivities } from '#workers/element-worker.ts';
import type { BarrierPoint, BarrierVisit, ChangePoint } from './barrier-visit.ts';

type Pass = (visit: BarrierVisit) => Promise<void>;

/**
 * The worker's activities with a barrier before, between and inside the steps of `storeFiles`, and
 * before and between those of changes. What the steps do is left as it is.
 */
export function wrapWithBarriers(
  elementId: ElementId,
  activities: ElementActivities,
  pass: Pass,
): ElementActivities {
  return {
    ...activities,
    ...wrapGroups(elementId, activities, pass),
    ...wrapChanges(activities, pass),
  };
}

function wrapGroups(elementId: ElementId, activities: ElementActivities, pass: Pass) {
  const idsOf = new Map<GroupId, readonly FileId[]>();

  function reach(point: BarrierPoint, groupId: GroupId): Promise<void> {
    return pass({ point, elementId, groupId, fileCount: idsOf.get(groupId)?.length ?? 0 });
  }

  return {
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
  } satisfies Partial<ElementActivities>;
}

interface OfFile {
  readonly fileId: FileId;
}

function wrapChanges(activities: ElementActivities, pass: Pass) {
  function after<Input extends OfFile, Result>(
    point: ChangePoint,
    step: (input: Input) => Promise<Result>,
  ) {
    return async (input: Input): Promise<Result> => {
      const result = await step(input);
      await pass({ point, fileId: input.fileId });
      return result;
    };
  }

  const claimFile = after('after claimFile', activities.claimFile);
  return {
    async claimFile(input) {
      await pass({ point: 'before claimFile', fileId: input.fileId });
      return claimFile(input);
    },
    writeSidecar: after('after writeSidecar', activities.writeSidecar),
    recordAttributes: after('after recordAttributes', activities.recordAttributes),
    moveSidecarAway: after('after moveSidecarAway', activities.moveSidecarAway),
    removeContent: after('after removeContent', activities.removeContent),
    purgeFile: after('after purgeFile', activities.purgeFile),
  } satisfies Partial<ElementActivities>;
}
