import { Migration } from '@mikro-orm/migrations';

/** Which operation a request with an `Idempotency-Key` has started. */
export class Migration0009OperationKeys extends Migration {
  override up(): void {
    for (const statement of keys) this.addSql(statement);
  }
}

const keys = [
  `create table operation_keys (
    account_id uuid not null,
    idempotency_key text collate "C" not null,
    request_digest text collate "C" not null,
    operation_id uuid not null,
    created_at timestamptz not null default now(),
    claimed_at timestamptz not null default now(),
    constraint operation_keys_pkey primary key (account_id, idempotency_key)
  )`,
  `create index operation_keys_by_age on operation_keys (created_at)`,
];
