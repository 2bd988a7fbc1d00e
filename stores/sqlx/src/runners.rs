//! Code that is the same for each engine except for its types. `sqlx` has no type for all engines.

/// The functions of `Operations` that run a statement or read a row.
macro_rules! define_statement_runners {
    () => {
        async fn execute(
            connection: &mut Self::Connection,
            sql: &crate::table::Sql,
            values: &[crate::engine::Value<'_>],
        ) -> sqlx::Result<u64> {
            let done = query(sql, values).execute(connection).await?;
            Ok(done.rows_affected())
        }

        async fn rows(
            connection: &mut Self::Connection,
            sql: &crate::table::Sql,
            values: &[crate::engine::Value<'_>],
        ) -> sqlx::Result<Vec<Self::Row>> {
            query(sql, values).fetch_all(connection).await
        }

        async fn script(
            connection: &mut Self::Connection,
            sql: &crate::table::Sql,
        ) -> sqlx::Result<()> {
            use sqlx::Executor as _;
            let sql = sqlx::AssertSqlSafe(std::sync::Arc::clone(sql));
            connection.execute(sqlx::raw_sql(sql)).await?;
            Ok(())
        }

        fn int(row: &Self::Row, column: usize) -> sqlx::Result<Option<i64>> {
            sqlx::Row::try_get(row, column)
        }

        fn text(row: &Self::Row, column: usize) -> sqlx::Result<Option<String>> {
            sqlx::Row::try_get(row, column)
        }

        fn bytes(row: &Self::Row, column: usize) -> sqlx::Result<Option<Vec<u8>>> {
            sqlx::Row::try_get(row, column)
        }
    };
}

/// The function that they call. Names are part of the statement, and all other values are bound.
macro_rules! define_query {
    ($engine:ty, $arguments:ty) => {
        fn query<'q>(
            sql: &crate::table::Sql,
            values: &[crate::engine::Value<'_>],
        ) -> sqlx::query::Query<'q, $engine, $arguments> {
            use crate::engine::Value;

            let mut query = sqlx::query::<$engine>(sqlx::AssertSqlSafe(std::sync::Arc::clone(sql)));
            for value in values {
                query = match *value {
                    Value::Bytes(bytes) => query.bind(bytes),
                    Value::NoBytes => query.bind(None::<Vec<u8>>),
                    Value::Int(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                };
            }
            query
        }
    };
}

pub(crate) use {define_query, define_statement_runners};
