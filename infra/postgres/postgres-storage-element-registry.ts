import type { EntityManager, InferEntity, MikroORM } from '@mikro-orm/postgresql';
import { locationsOverlap } from '#domain/element-location.ts';
import { DomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import type {
  ElementRegistration,
  StorageElementRegistry,
} from '#domain/ports/storage-element-registry.ts';
import type {
  ElementSettings,
  NewStorageElement,
  StorageElement,
} from '#domain/storage-elements.ts';
import { StorageElementRow } from './entities.ts';
import { withOrmErrors } from './orm-errors.ts';

/** Held until the end of the transaction: no registration can miss the row of another. */
const lockRegistrations = `select pg_advisory_xact_lock(hashtextextended('artstore/elements', 0))`;

export class PostgresStorageElementRegistry implements StorageElementRegistry {
  readonly #orm: MikroORM;

  constructor(orm: MikroORM) {
    this.#orm = orm;
  }

  async findElement(elementId: ElementId): Promise<StorageElement | null> {
    return await withOrmErrors(() => findElement(this.#orm.em.fork(), elementId));
  }

  async listElements(): Promise<readonly StorageElement[]> {
    return await withOrmErrors(() => listElements(this.#orm.em.fork()));
  }

  async registerElement(element: NewStorageElement): Promise<ElementRegistration> {
    return await withOrmErrors(() =>
      this.#orm.em.fork().transactional(async (em) => {
        await em.execute(lockRegistrations);
        const elements = await listElements(em);
        const holder = elements.find(({ elementId }) => elementId === element.elementId);
        if (holder !== undefined) return { isNew: false, element: holder };
        requireOwnLocation(element, elements);
        await em.insert(StorageElementRow, { ...element, location: { ...element.location } });
        return { isNew: true, element: { ...element, usedBytes: 0, reservedBytes: 0 } };
      }),
    );
  }

  async changeSettings(
    elementId: ElementId,
    change: Partial<ElementSettings>,
    expected: ElementSettings | null,
  ): Promise<StorageElement | null> {
    return await withOrmErrors(() =>
      this.#orm.em.fork().transactional(async (em) => {
        // Only these columns: the counters beside them move all the time.
        const count = await em.nativeUpdate(StorageElementRow, { elementId, ...expected }, change);
        return count === 0 ? null : await findElement(em, elementId);
      }),
    );
  }
}

async function findElement(
  em: EntityManager,
  elementId: ElementId,
): Promise<StorageElement | null> {
  const row = await em.findOne(StorageElementRow, { elementId });
  return row === null ? null : elementOfRow(row);
}

async function listElements(em: EntityManager): Promise<StorageElement[]> {
  const rows = await em.findAll(StorageElementRow, {
    orderBy: { mode: 'asc', priority: 'asc', elementId: 'asc' },
  });
  return rows.map(elementOfRow);
}

/** @throws ELEMENT_LOCATION_REFUSED */
function requireOwnLocation(
  { location }: NewStorageElement,
  others: readonly StorageElement[],
): void {
  if (!others.some((other) => locationsOverlap(location.path, other.location.path))) return;
  throw new DomainError(
    'ELEMENT_LOCATION_REFUSED',
    'The directory lies in or around that of another storage element.',
  );
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
