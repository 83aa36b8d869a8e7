import type { OperationId } from '#domain/ids.ts';
import { limits } from '#domain/limits.ts';
import type { KeyHolding, KeyedRequest, OperationKeys } from '#domain/ports/operation-keys.ts';
import type { Database } from './open-pool.ts';

/** Some of those that are too old, whoever made them: each new key pays for a few. */
const forgottenAtOnce = 100;

const forget = {
  name: 'forget-operation-keys',
  text: `delete from operation_keys where (account_id, idempotency_key) in (
      select account_id, idempotency_key from operation_keys
      where created_at < now() - $1::integer * interval '1 hour'
      order by created_at limit ${forgottenAtOnce} for update skip locked)`,
};

const claim = {
  name: 'claim-operation-key',
  text: `insert into operation_keys (account_id, idempotency_key, request_digest, operation_id)
    values ($1, $2, $3, $4) on conflict do nothing returning operation_id`,
};

/** Whoever claimed it first has died before the operation stood. */
const takeOver = {
  name: 'take-over-operation-key',
  text: `update operation_keys k set claimed_at = now()
    where account_id = $1 and idempotency_key = $2 and request_digest = $3
      and claimed_at < now() - $4::integer * interval '1 millisecond'
      and not exists (select from operations o where o.operation_id = k.operation_id)
    returning operation_id`,
};

const look = {
  name: 'look-at-operation-key',
  text: `select k.operation_id, k.request_digest, o.operation_id is not null as has_started
    from operation_keys k left join operations o using (operation_id)
    where k.account_id = $1 and k.idempotency_key = $2`,
};

const release = {
  name: 'release-operation-key',
  text: `delete from operation_keys
    where account_id = $1 and idempotency_key = $2 and operation_id = $3`,
};

interface KeyRow {
  readonly operation_id: OperationId;
  readonly request_digest: string;
  readonly has_started: boolean;
}

export class PostgresOperationKeys implements OperationKeys {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claimKey(
    request: KeyedRequest & { readonly operationId: OperationId },
  ): Promise<KeyHolding> {
    const { accountId, idempotencyKey, requestDigest, operationId } = request;
    await this.#database.query(forget, [limits.idempotencyKeyKeptHours]);
    for (;;) {
      const values = [accountId, idempotencyKey, requestDigest];
      const claimed =
        (await this.#first(claim, [...values, operationId])) ??
        (await this.#first(takeOver, [...values, limits.keyClaimMs]));
      if (claimed !== undefined) return { kind: 'claimed', operationId: claimed.operation_id };
      const found = await this.#first(look, [accountId, idempotencyKey]);
      // Released in between: then it can be claimed.
      if (found === undefined) continue;
      if (found.request_digest !== requestDigest) return { kind: 'reused' };
      const kind = found.has_started ? 'started' : 'starting';
      return { kind, operationId: found.operation_id };
    }
  }

  async releaseKey(request: KeyedRequest, operationId: OperationId): Promise<void> {
    const { accountId, idempotencyKey } = request;
    await this.#database.query(release, [accountId, idempotencyKey, operationId]);
  }

  async #first(
    statement: { readonly name: string; readonly text: string },
    values: readonly unknown[],
  ): Promise<KeyRow | undefined> {
    const [row] = await this.#database.query<KeyRow>(statement, values);
    return row;
  }
}
