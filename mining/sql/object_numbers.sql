-- Every object of every type with a number.
select
    object_type, object_id,
    cast(dense_rank() over (order by object_type) as integer) as type_no,
    cast(row_number() over (order by object_type, object_id) as integer) as object_no
from (select distinct object_type, object_id from log_objects) as found
