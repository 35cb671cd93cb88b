SELECT checkpoint FROM consumers WHERE name = ?1
