/* A library that has nothing to do with devices. */
int quern_no_device_at_all(void);
int quern_no_device_at_all(void) {
  return 0;
}
