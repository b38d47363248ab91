import { Effect, Predicate } from "effect"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"

/**
 * The client itself, with transactions that fail for the reason for which they are rolled back, or end with the interruption. Those that
 * it had die when the rollback cannot be told to the server, as when the connection is lost, and no retry sees that.
 */
export const withPlainTransactions = <Client extends SqlClient.SqlClient>(client: Client): Client =>
  Object.assign(client, {
    withTransaction: SqlClient.makeWithTransaction({
      transactionService: client.transactionService,
      spanAttributes: [["db.system.name", "postgresql"]],
      acquireConnection: (restore) => restore(client.reserve),
      begin: (connection, statement = "BEGIN") => tell(connection, statement),
      savepoint: (connection, id) => tell(connection, `SAVEPOINT ${savepoint(id)}`),
      // A statement that fails, this one too, leaves the whole transaction aborted: the commit fails.
      rollbackSavepoint: (connection, id) => Effect.ignore(tell(connection, `ROLLBACK TO SAVEPOINT ${savepoint(id)}`)),
      releaseSavepoint: (connection, id) => Effect.ignore(tell(connection, `RELEASE SAVEPOINT ${savepoint(id)}`)),
      commit,
      // The server forgets a transaction whose connection it loses, and the pool does not lend that one again.
      rollback: (connection) => Effect.ignore(tell(connection, "ROLLBACK")),
    }),
  })

/** Not as a prepared statement: an aborted transaction prepares none anew that the server does not know any more. */
const tell = (connection: SqlConnection.Connection, statement: string) =>
  Effect.asVoid(connection.executeUnprepared(statement, [], undefined))

const savepoint = (id: number): string => `fulltape_${id}`

/** The server answers ROLLBACK, and that is no error to it, when a statement of the transaction failed. */
const commit = (connection: SqlConnection.Connection) =>
  Effect.flatMap(connection.executeRaw("COMMIT", []), (answer) =>
    Predicate.hasProperty(answer, "command") && answer.command === "COMMIT" ? Effect.void : Effect.fail(notCommitted()),
  )

const notCommitted = () =>
  new SqlError.SqlError({
    reason: new SqlError.UnknownError({
      cause: new Error("the transaction was rolled back, because a statement of it had failed"),
      operation: "commit",
    }),
  })
