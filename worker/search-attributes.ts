/** Makes sure that the search attributes exist in the namespace. */
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../workflows/attributes.ts';

/** `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_VALUE_TYPES = { KEYWORD: 2, INT: 3, KEYWORD_LIST: 7 } as const;

/** Registers the search attributes that are missing. */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<void> {
  const wanted = Object.values(SEARCH_ATTRIBUTES);
  const missing = async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return wanted.filter(({ name }) => !Object.hasOwn(customAttributes, name));
  };
  for (let attempt = 1; ; attempt++) {
    const absent = await missing();
    if (absent.length === 0) return;
    if (attempt > 50) {
      throw new Error(`Temporal did not register ${absent.map(({ name }) => name).join(', ')}`);
    }
    if (attempt === 1) {
      const searchAttributes = Object.fromEntries(
        absent.map(({ name, type }) => [name, INDEXED_VALUE_TYPES[type]]),
      );
      await connection.operatorService
        .addSearchAttributes({ namespace, searchAttributes })
        // Another process may have been quicker; whether they are there is checked either way.
        .catch((error: unknown) => {
          if (!/already exists/i.test(String(error))) throw error;
        });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
