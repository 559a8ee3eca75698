make lib
