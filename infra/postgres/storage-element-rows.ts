import type { ElementId } from '#domain/ids.ts';
import type { PlacementElement } from '#domain/placement/choose-element.ts';
import type { ElementStatus } from '#domain/storage-elements.ts';
import type { StorageMode } from '#domain/storage-mode/storage-mode.ts';
import type { Database } from './open-pool.ts';

interface CounterRow {
  readonly element_id: ElementId;
  readonly mode: StorageMode;
  readonly status: ElementStatus;
  readonly priority: number;
  readonly capacity_bytes: number;
  readonly used_bytes: number;
  readonly reserved_bytes: number;
}

const findCounters = {
  name: 'find-element-counters',
  text: `select element_id, mode, status, priority, capacity_bytes, used_bytes, reserved_bytes
    from storage_elements`,
};

/** What placement decides by, as it stands now; nothing is locked. */
export async function readPlacementElements(database: Database): Promise<PlacementElement[]> {
  const rows = await database.query<CounterRow>(findCounters);
  return rows.map((row) => ({
    elementId: row.element_id,
    mode: row.mode,
    status: row.status,
    priority: row.priority,
    capacityBytes: row.capacity_bytes,
    usedBytes: row.used_bytes,
    reservedBytes: row.reserved_bytes,
    freeBytes: null,
  }));
}
