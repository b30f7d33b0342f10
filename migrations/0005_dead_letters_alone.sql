-- Letters from before 0004 did not note whether anything of their record became a row. Looked up once, in one pass over logs and
-- only where there are letters of elements, so that no audit or purge has to look for each of them again.

update ingest_dead_letter
   set alone = true
 where alone is null and item < 0;

update ingest_dead_letter d
   set alone = false
  from (select distinct i.namespace, i.topic, i.incarnation, l.kafka_partition, l.kafka_offset
          from (select distinct namespace, topic, incarnation, part, "offset"
                  from ingest_dead_letter
                 where alone is null) unknown
          join ingest_topic i
            on i.namespace = unknown.namespace and i.topic = unknown.topic and i.incarnation = unknown.incarnation
          join logs l
            on l.ingest_topic_id = i.id and l.kafka_partition = unknown.part and l.kafka_offset = unknown."offset") stored
 where d.alone is null
   and d.namespace = stored.namespace and d.topic = stored.topic and d.incarnation = stored.incarnation
   and d.part = stored.kafka_partition and d."offset" = stored.kafka_offset;

update ingest_dead_letter
   set alone = true
 where alone is null;
