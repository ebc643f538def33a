-- The floor of filling our table in MariaDB: rows that are ready, in the order of the export, by its own bulk load. The
-- file is in the server's own form, bytes as they are with backslashes, so that nothing needs decoding.
LOAD DATA LOCAL INFILE 'READY' INTO TABLE webauthn_credentials CHARACTER SET binary
FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n';
