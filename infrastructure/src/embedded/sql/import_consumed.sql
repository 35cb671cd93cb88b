UPDATE consumers SET checkpoint = ?1
