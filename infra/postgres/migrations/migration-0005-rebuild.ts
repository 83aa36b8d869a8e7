import { Migration } from '@mikro-orm/migrations';

/** What a rebuild writes is written as a whole or not at all. */
export class Migration0005Rebuild extends Migration {
  override up(): void {
    // Called where a row is not what it was when the batch was decided: undoes the statement.
    this.addSql(
      `create function refuse_rebuild_batch() returns bigint language plpgsql as
        $$ begin raise exception 'a row of the batch has changed' using errcode = 'AS002'; end $$`,
    );
  }
}
