import type { InferEntity, MikroORM } from '@mikro-orm/postgresql';
import type { ElementId } from '#domain/ids.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import type { StorageElement } from '#domain/storage-elements.ts';
import { StorageElementRow } from './entities.ts';
import { withOrmErrors } from './orm-errors.ts';

export class PostgresStorageElementRegistry implements StorageElementRegistry {
  readonly #orm: MikroORM;

  constructor(orm: MikroORM) {
    this.#orm = orm;
  }

  async findElement(elementId: ElementId): Promise<StorageElement | null> {
    return await withOrmErrors(async () => {
      const row = await this.#orm.em.fork().findOne(StorageElementRow, { elementId });
      return row === null ? null : elementOfRow(row);
    });
  }

  async listElements(): Promise<readonly StorageElement[]> {
    return await withOrmErrors(async () => {
      const rows = await this.#orm.em.fork().findAll(StorageElementRow, {
        orderBy: { mode: 'asc', priority: 'asc', elementId: 'asc' },
      });
      return rows.map(elementOfRow);
    });
  }

  async registerElement(
    element: Omit<StorageElement, 'usedBytes' | 'reservedBytes'>,
  ): Promise<void> {
    await withOrmErrors(() =>
      this.#orm.em
        .fork()
        .upsert(
          StorageElementRow,
          { ...element, location: { ...element.location } },
          { onConflictFields: ['elementId'], onConflictAction: 'ignore' },
        ),
    );
  }
}

function elementOfRow(row: InferEntity<typeof StorageElementRow>): StorageElement {
  return {
    elementId: row.elementId as ElementId,
    name: row.name,
    // Constraints of the table keep these to the values of the domain.
    type: row.type as StorageElement['type'],
    mode: row.mode as StorageElement['mode'],
    priority: row.priority,
    capacityBytes: row.capacityBytes,
    usedBytes: row.usedBytes,
    reservedBytes: row.reservedBytes,
    location: row.location,
    status: row.status as StorageElement['status'],
  };
}
