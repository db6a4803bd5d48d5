/** Filters by metadata: what was written on accounts, transfers and holds, each in the order of its list. */
import type { Fragment } from 'postgres';
import { labelOf, type LabelRow } from '../projections/first-and-last.ts';
import type { ReadModel } from '../tables/database.ts';

type Labelled = Readonly<{
  kind: LabelRow['kind'];
  /** All of these must be there. */
  metadata: Readonly<Record<string, string>> | undefined;
  /** The first position of a row of the list. */
  of: Fragment;
  /** What it is compared with, to be on this page or a later one. */
  page: Fragment;
}>;

/**
 * Conditions on the rows of a list. Postgres may follow the list and look each row's labels up, or follow a label and
 * look the rows up, as there are fewer: both are in the order of the list, and both are told where the page begins.
 */
export function withLabels({ sql, table }: ReadModel, { kind, metadata = {}, of, page }: Labelled): Fragment {
  return Object.entries(metadata).reduce<Fragment>(
    (conditions, [key, value]) => sql`${conditions}
      and exists (
        select from ${table(kind === 'account' ? 'account_labels' : 'labels')} as labelled
        where labelled.kind = ${kind} and labelled.label = ${labelOf(key, value)}
          and labelled.first_position = ${of} and labelled.first_position ${page})`,
    sql``,
  );
}

/** As fields of a list's filter: no other field has a point in its name. */
export function metadataFields(metadata: Labelled['metadata'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`metadata.${key}`, value]));
}
